// Hands the resource group of the workspace to what main.bicep offers.

@description('Id of the registration definition.')
param definitionId string

resource delegation 'Microsoft.ManagedServices/registrationAssignments@2022-10-01' = {
  name: guid(resourceGroup().id, definitionId)
  properties: {
    registrationDefinitionId: definitionId
  }
}

output assignmentId string = delegation.id
