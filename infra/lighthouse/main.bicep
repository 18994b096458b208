// For a customer's administrator: lets the provider's app read the mail tables of one Sentinel workspace and keep its
// incidents there, with Azure Lighthouse. Deployed in the customer's own subscription (docs/many.md, Take a customer on);
// no part of the provider's deployment. Lighthouse takes built-in roles without data actions only: Microsoft Sentinel
// Responder is such a one.
targetScope = 'subscription'

@description('Tenant of the provider: its id, a GUID.')
@minLength(36)
@maxLength(36)
param providerTenantId string

@description('Object id of the app\'s identity in the provider\'s tenant: the output SWEEP_IDENTITY_PRINCIPAL_ID of the provider\'s deployment.')
@minLength(36)
@maxLength(36)
param principalId string

@description('Resource group of the Sentinel workspace in this subscription. The app gets its rights on this group and on nothing else.')
@minLength(1)
param workspaceGroup string

@description('Who the provider is, as your portal shows it under Service providers.')
@minLength(1)
param providerName string = 'Email Remediation Sweep'

var responderRole = '3e150937-b8fe-4cfb-8069-0eaf05ecd056'

resource offer 'Microsoft.ManagedServices/registrationDefinitions@2022-10-01' = {
  name: guid(subscription().id, providerTenantId, principalId, 'email-remediation-sweep')
  properties: {
    registrationDefinitionName: providerName
    managedByTenantId: providerTenantId
    authorizations: [
      {
        principalId: principalId
        principalIdDisplayName: 'Email Remediation Sweep'
        roleDefinitionId: responderRole
      }
    ]
  }
}

module delegation 'group.bicep' = {
  name: 'email-remediation-sweep'
  scope: resourceGroup(workspaceGroup)
  params: {
    definitionId: offer.id
  }
}

@description('What ends it: az managedservices assignment delete --assignment <this id>.')
output ASSIGNMENT_ID string = delegation.outputs.assignmentId
