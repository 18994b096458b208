// The app's rights on a Sentinel workspace, at that workspace's own resource group and subscription.

@description('Name of the Sentinel workspace, in this module\'s resource group.')
param workspaceName string

@description('Object id of the app\'s identity.')
param principalId string

@description('responder: the built-in role. custom: a role with just the actions that the code uses.')
@allowed([
  'responder'
  'custom'
])
param access string

@description('Name of the assignment of the built-in role: a GUID that an administrator can use, too.')
param responderAssignmentName string

@description('What the custom role and its assignment are named after: the workspace\'s id in lower case. Empty: its id as it was typed, as in deployments that are there.')
param nameSeed string = ''

var responderRole = '3e150937-b8fe-4cfb-8069-0eaf05ecd056'

resource workspace 'Microsoft.OperationalInsights/workspaces@2023-09-01' existing = {
  name: workspaceName
}

var seed = empty(nameSeed) ? workspace.id : nameSeed

@description('What shared/incidents/arm.py and shared/hunt call, and nothing else: docs/permissions.md has a line for each.')
resource sweeper 'Microsoft.Authorization/roleDefinitions@2022-04-01' = if (access == 'custom') {
  name: guid(seed, 'email-remediation-sweep')
  properties: {
    // A role's name is unique in the tenant, a workspace's is not.
    roleName: 'Email Remediation Sweep (${workspaceName}, ${uniqueString(seed)})'
    description: 'Query the hunt\'s tables; read, create, comment on and raise Sentinel incidents.'
    type: 'CustomRole'
    permissions: [
      {
        // The same whatever makes the incidents: those that an analytics rule made are followed after a switch back, too.
        actions: [
          'Microsoft.OperationalInsights/workspaces/read'
          'Microsoft.OperationalInsights/workspaces/query/read'
          'Microsoft.OperationalInsights/workspaces/query/*/read'
          'Microsoft.SecurityInsights/incidents/read'
          'Microsoft.SecurityInsights/incidents/write'
          'Microsoft.SecurityInsights/incidents/comments/read'
          'Microsoft.SecurityInsights/incidents/comments/write'
        ]
        notActions: []
        dataActions: []
        notDataActions: []
      }
    ]
    assignableScopes: [
      resourceGroup().id
    ]
  }
}

resource respond 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (access == 'responder') {
  name: responderAssignmentName
  scope: workspace
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', responderRole)
  }
}

resource sweep 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (access == 'custom') {
  name: guid(seed, principalId, 'email-remediation-sweep')
  scope: workspace
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: sweeper.id
  }
}
